#!/usr/bin/env bash
# Run SCRIPT of the tools folder in PROCESSES processes with torchrun: what dist_train.sh and dist_test.sh share.
set -euo pipefail

PROCESSES=$1
SCRIPT=$2
TOOLS=$(cd "$(dirname "$0")/.." && pwd)
PYTHONPATH="$TOOLS/..${PYTHONPATH:+:$PYTHONPATH}" exec torchrun \
    --nnodes="${NNODES:-1}" \
    --node_rank="${NODE_RANK:-0}" \
    --master_addr="${MASTER_ADDR:-127.0.0.1}" \
    --master_port="${PORT:-29500}" \
    --nproc_per_node="$PROCESSES" \
    "$TOOLS/$SCRIPT" "${@:3}" --launcher pytorch
