#!/usr/bin/env bash
# Train on several GPUs (or CPU processes) of one machine or of NNODES machines.
if [ $# -lt 2 ]; then
    echo "usage: $0 CONFIG PROCESSES [options of train.py]" >&2
    echo "environment: NNODES (1), NODE_RANK (0), MASTER_ADDR (127.0.0.1), PORT (29500)" >&2
    exit 2
fi
exec bash "$(dirname "$0")/misc/torchrun.sh" "$2" train.py "$1" "${@:3}"
