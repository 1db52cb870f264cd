#!/usr/bin/env bash
# Generates the contract's code from proto/engine.proto: Python into t1_engine/pb, Go into infra/engine/enginepb.
# Both are committed; CI runs this and fails when the tree changes.
set -euo pipefail
engine=$(cd "$(dirname "$0")" && pwd)
repo=$(dirname "$engine")
bin=$repo/.bin
python=$engine/.venv/bin/python
pb=$engine/t1_engine/pb

# Pinned: another version would write other bytes.
[ -x "$bin/protoc-gen-go" ] || GOBIN=$bin go install google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.11
[ -x "$bin/protoc-gen-go-grpc" ] || GOBIN=$bin go install google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.0

mkdir -p "$pb"
touch "$pb/__init__.py"
PATH=$bin:$PATH "$python" -m grpc_tools.protoc -I "$engine/proto" \
  --python_out="$pb" --pyi_out="$pb" --grpc_python_out="$pb" \
  --go_out="$repo" --go_opt=module=t1 \
  --go-grpc_out="$repo" --go-grpc_opt=module=t1 \
  engine.proto

# protoc imports siblings by their bare name; in a package they need a full one.
sed -i.bak 's/^import engine_pb2 as/from t1_engine.pb import engine_pb2 as/' "$pb/engine_pb2_grpc.py"
rm "$pb/engine_pb2_grpc.py.bak"
