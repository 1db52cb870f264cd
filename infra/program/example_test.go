package program_test

import (
	"context"
	"fmt"

	"t1/infra/program"
)

// A program in a few lines: right is what names the reference answer last.
const lastWord = `
import json, sys
for line in sys.stdin:
    item = json.loads(line)
    words = item["response"].split()
    answer = words[-1] if words else ""
    print(json.dumps({"id": item["id"], "correct": answer == item["answer"], "answer": answer}), flush=True)
`

func Example() {
	grader, err := program.Start(program.Program{Command: []string{"python3", "-c", lastWord}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer grader.Close()
	verdicts, err := grader.Grade(context.Background(), []program.Item{
		{ID: "1/0", Prompt: "2+2?", Answer: "4", Response: "It is 4"},
		{ID: "1/1", Prompt: "2+2?", Answer: "4", Response: "It is 5"},
	}, func(done, total int) { fmt.Println(done, "of", total) })
	fmt.Println(verdicts, err)
	// Output:
	// 1 of 2
	// 2 of 2
	// [{1/0 true 4  } {1/1 false 5  }] <nil>
}
