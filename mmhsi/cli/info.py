"""Print the facts about the machine that a bug report needs: versions, devices, optional packages.

    mmhsi info
    mmhsi info > machine.txt

Nothing is changed.
"""

import argparse
import importlib.metadata
import importlib.util
import os
import platform

import mmhsi
from mmhsi.utils.command_line import command_parser

REQUIRED = (
    'mmengine',
    'mmcv',
    'mmcv-lite',
    'mmpretrain',
    'mmsegmentation',
    'numpy',
    'scipy',
    'h5py',
    'rasterio',
    'scikit-learn',
    'scikit-image',
    'spectral',
    'matplotlib',
    'tensorboard',
    'tensorly',
    'torchvision',
    'safetensors',
)
OPTIONAL = ('mmagic', 'onnx', 'onnxruntime', 'triton', 'huggingface-hub')
VARIABLES = (
    'MMHSI_DATA',
    'MMHSI_TEST_DATA',
    'MMHSI_GOLDEN',
    'MMHSI_TRUST_CHECKPOINTS',
    'CUDA_VISIBLE_DEVICES',
    'OMP_NUM_THREADS',
    'NCCL_SOCKET_IFNAME',
    'TORCH_DISTRIBUTED_DEBUG',
)


def version(package: str) -> str:
    """Installed version of a package, or of its onedl distribution; 'absent' if it is not installed."""
    for name in (package, f'onedl-{package}'):
        try:
            found = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        return found if name == package else f'{found} ({name})'
    return 'absent'


def collect() -> dict[str, str]:
    """All facts, by name."""
    import torch
    from mmengine.utils.dl_utils import collect_env

    info = {'mmhsi': mmhsi.__version__, 'platform': platform.platform(), 'CPUs': str(os.cpu_count())}
    info.update({name: str(value).strip() for name, value in collect_env().items()})
    info['bfloat16 on the GPU'] = str(torch.cuda.is_available() and torch.cuda.is_bf16_supported())
    back_ends = ('nccl', 'gloo', 'mpi')
    distributed = torch.distributed
    found = [
        name for name in back_ends if distributed.is_available() and getattr(distributed, f'is_{name}_available')()
    ]
    info['distributed back ends'] = ', '.join(found) or 'none'
    operators = importlib.util.find_spec('mmcv') and importlib.util.find_spec('mmcv._ext')
    compiled = operators is not None and getattr(operators, 'origin', None) is not None
    info['mmcv operators'] = 'compiled' if compiled else 'not compiled (mmcv-lite)'
    info.update({name: version(name) for name in REQUIRED})
    info.update({f'{name} (optional)': version(name) for name in OPTIONAL})
    info.update({f'${name}': os.environ[name] for name in VARIABLES if name in os.environ})
    return info


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    return command_parser(__doc__).parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    parse_args(argv)
    for name, value in collect().items():
        print(f'{name}: {value}')
