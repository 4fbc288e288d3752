#!/usr/bin/env bash
# Train on the GPUs of a Slurm partition.
if [ $# -lt 3 ]; then
    echo "usage: $0 PARTITION JOB_NAME CONFIG [options of train.py]" >&2
    echo "environment: GPUS (8), GPUS_PER_NODE (GPUS, 8 at most), CPUS_PER_TASK (5), SRUN_ARGS" >&2
    exit 2
fi
exec bash "$(dirname "$0")/misc/srun.sh" "$1" "$2" train.py "${@:3}"
