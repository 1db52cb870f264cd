module t1

go 1.26
