"""Time of a step of the optimiser alone: groups and kernels.

    python benchmarks/bench_optimizer.py --threads 2
    python benchmarks/bench_optimizer.py --config configs/pretrain/spat-mae_base_hyperglobal.py --device cuda

The parameters are those of a config's model, its rates and decays those of the config, the gradients random numbers.
`library` is MMEngine's or mmpretrain's constructor, which makes a group of each parameter; the other rows have a group
for each pair of rate and decay. Each round makes one step of every form; medians are printed. The floor is the memory
traffic that is needed: the parameter, its gradient and two moments are read, and all but the gradient written.
"""

import argparse
import logging
import time
from statistics import median

import torch
from mmengine.config import Config
from mmengine.optim import DefaultOptimWrapperConstructor
from mmengine.registry import init_default_scope
from mmpretrain.engine.optimizers import LearningRateDecayOptimWrapperConstructor

from mmhsi.engine import GroupedOptimWrapperConstructor, LayerDecayOptimWrapperConstructor
from mmhsi.models import HyperSIGMA  # noqa: F401  registers all
from mmhsi.registry import MODELS

FORMS = {
    'library': None,
    'grouped, one by one': dict(fused=False, foreach=False),
    'grouped, foreach': dict(foreach=True),
    'grouped, fused': dict(fused=True),
}


def build(cfg: Config, model: torch.nn.Module, form: str) -> torch.optim.Optimizer:
    """The optimiser of a config in one of the forms."""
    settings = cfg.optim_wrapper
    decays = settings.get('constructor') == 'LayerDecayOptimWrapperConstructor'
    if form == 'library':
        constructor = LibraryDecay if decays else DefaultOptimWrapperConstructor
    else:
        constructor = LayerDecayOptimWrapperConstructor if decays else GroupedOptimWrapperConstructor
    optimizer = dict(settings.optimizer, **(FORMS[form] or {}))
    return constructor(dict(optimizer=optimizer), settings.get('paramwise_cfg'))(model).optimizer


class LibraryDecay(LearningRateDecayOptimWrapperConstructor):
    """mmpretrain's, which asks the model for the number of a layer."""

    def add_params(self, params, module, prefix='', get_layer_depth=None, **kwargs):
        if get_layer_depth is None:

            def get_layer_depth(name):
                return module.backbone.get_layer_depth(name, 'backbone.')

        super().add_params(params, module, prefix, get_layer_depth, **kwargs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--config', default='configs/classification/hypersigma-base_cls_indian-pines.py')
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--rounds', type=int, default=7)
    args = parser.parse_args()
    logging.disable(logging.INFO)
    torch.set_num_threads(args.threads)
    cfg = Config.fromfile(args.config)
    init_default_scope('mmhsi')
    model = MODELS.build(cfg.model).to(args.device)
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    for parameter in parameters:
        parameter.grad = 1e-3 * torch.randn_like(parameter)
    optimizers = {form: build(cfg, model, form) for form in FORMS}
    times: dict[str, list[float]] = {form: [] for form in optimizers}
    for turn in range(args.rounds + 1):
        for form, optimizer in optimizers.items():
            start = time.perf_counter()
            optimizer.step()
            if args.device != 'cpu':
                torch.cuda.synchronize()
            if turn:  # the first round makes the moments
                times[form].append(time.perf_counter() - start)
    numbers = sum(parameter.numel() for parameter in parameters)
    print(f'{numbers / 1e6:.1f} M numbers in {len(parameters)} parameters; at least {28 * numbers / 1e9:.2f} GB move')
    print('| form | groups | ms | times as fast | GB/s of the floor |\n| --- | --- | --- | --- | --- |')
    for form, taken in times.items():
        faster = median(a / b for a, b in zip(times['library'], taken, strict=True))
        print(
            f'| {form} | {len(optimizers[form].param_groups)} | {1e3 * median(taken):.1f} | {faster:.2f} | '
            f'{28 * numbers / median(taken) / 1e9:.1f} |'
        )


if __name__ == '__main__':
    main()
