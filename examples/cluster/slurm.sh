#!/usr/bin/env bash
# Train a lifter on several nodes under SLURM: sbatch examples/cluster/slurm.sh
# Only the environment is set here. torchrun starts a process for each GPU and restarts all of them when one
# is lost; the run goes on from its checkpoint, as it does when this job is queued again.
#SBATCH --job-name=lift3d
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=4
#SBATCH --cpus-per-task=16
#SBATCH --time=12:00:00
#SBATCH --requeue
set -euo pipefail

# On the shared file system: the data, the run, and the cache of poses that all processes map.
export DATA=${DATA:-$HOME/mocap}
export RUN=${RUN:-$HOME/runs/universal}
export CACHE=${CACHE:-$HOME/cache/poses.h5}

export MASTER_ADDR=${MASTER_ADDR:-$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)}
export MASTER_PORT=${MASTER_PORT:-29500}
export OMP_NUM_THREADS=1

# One process builds the cache first; where it is there already this takes as long as one step.
srun --nodes=1 --ntasks=1 lift3d train --output "$RUN.cache" --root "$DATA" --cache "$CACHE" --steps 1

# A local copy on each node saves the network, where the shared file system is slow.
if [ -n "${LOCAL_CACHE:-}" ]; then
  srun --ntasks-per-node=1 cp "$CACHE" "$LOCAL_CACHE"
  export CACHE=$LOCAL_CACHE
fi

srun torchrun \
  --nnodes="$SLURM_NNODES" \
  --nproc-per-node=4 \
  --max-restarts=3 \
  --rdzv-id="$SLURM_JOB_ID" \
  --rdzv-backend=c10d \
  --rdzv-endpoint="$MASTER_ADDR:$MASTER_PORT" \
  -m lift3d train --output "$RUN" --root "$DATA" --cache "$CACHE" --device cuda
