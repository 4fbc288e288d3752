"""Loading a pre-trained encoder into a branch with other bands, patches, image size or number of tokens."""

import logging
import re
from collections import Counter
from collections.abc import Iterable, MutableMapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from mmengine.logging import print_log
from mmengine.model import BaseModule, PretrainedInit
from mmengine.model.weight_init import update_init_info
from mmengine.registry import WEIGHT_INITIALIZERS
from torch import Tensor

from mmhsi.registry import component_name
from mmhsi.weights.encoder_state import EncoderState, load_encoder_state

# Parameters that may be missing from a pre-training checkpoint.
_MAY_BE_NEW = re.compile(r'pos_embed|(patch_embed|spat_map)\..*|.*\.(attn\.sampling_offsets\..*|gamma_[12])')
_SHOWN_GROUPS = 4


@dataclass
class LoadingReport:
    """What happened to the parameters of a checkpoint and of the encoder.

    Attributes:
        loaded (list[str]): Parameters of the encoder loaded from the checkpoint, including resized ones.
        resized (dict[str, str]): How parameters of another size were resized.
        skipped (dict[str, str]): Parameters of the checkpoint that were not used, and why.
        new (list[str]): Parameters of the encoder that keep their initial values.
        num_others (int): Number of parameters of the checkpoint that belong to no encoder or to another one.
    """

    loaded: list[str] = field(default_factory=list)
    resized: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    new: list[str] = field(default_factory=list)
    num_others: int = 0

    def table(self) -> str:
        """One line per outcome: its number of parameters, and their names without block numbers, shortened."""
        rows = {
            'loaded': _grouped(self.loaded),
            'resized': '; '.join(f'{name}: {how}' for name, how in self.resized.items()),
            'skipped': '; '.join(f'{_grouped(names)}: {reason}' for reason, names in self._by_reason().items()),
            'new': _grouped(self.new),
        }
        lines = [f'  {title:8}{len(getattr(self, title)):5}  {text}'.rstrip() for title, text in rows.items()]
        return '\n'.join([*lines, f'  {"others":8}{self.num_others:5}'])

    def lists(self) -> str:
        """All names."""
        return '\n'.join(
            [
                f'loaded: {", ".join(self.loaded)}',
                *(f'resized: {name}: {how}' for name, how in self.resized.items()),
                *(f'skipped: {name}: {reason}' for name, reason in self.skipped.items()),
                f'new: {", ".join(self.new)}',
            ]
        )

    def _by_reason(self) -> dict[str, list[str]]:
        reasons: dict[str, list[str]] = {}
        for name, reason in self.skipped.items():
            reasons.setdefault(reason, []).append(name)
        return reasons


def _grouped(names: Iterable[str]) -> str:
    groups = Counter(re.sub(r'\.\d+\.', '.*.', name) for name in names)
    shown = [f'{name} ({count})' if count > 1 else name for name, count in list(groups.items())[:_SHOWN_GROUPS]]
    return ', '.join([*shown, f'{len(groups) - _SHOWN_GROUPS} more'] if len(groups) > _SHOWN_GROUPS else shown)


def fit_embeddings(
    encoder: BaseModule,
    state: MutableMapping[str, Tensor],
    prefix: str = '',
    keep_patch_bias: bool = False,
    drop_first_token: bool = False,
) -> tuple[dict[str, str], dict[str, str]]:
    """Resize the position embedding of a state dict and leave out an embedding of the input that does not fit.

    Args:
        encoder (SamplingViT): The encoder to load into.
        state: Parameters by name; changed in place.
        prefix (str): Prefix of the names of the encoder in ``state``. Defaults to ''.
        keep_patch_bias (bool): See :class:`PretrainedEncoder`. Defaults to False.
        drop_first_token (bool): See :class:`PretrainedEncoder`. Defaults to False.

    Returns:
        How each resized parameter was resized, and why parameters were left out, by name without the prefix.
    """
    resized, skipped = {}, {}
    weight, bias = (f'{encoder.embedding}.projection.{name}' for name in ('weight', 'bias'))
    given, wanted = state.get(prefix + weight), encoder.get_parameter(weight)
    if given is not None and given.shape != wanted.shape:
        del state[prefix + weight]
        skipped[weight] = f'has shape {tuple(given.shape)}, needed {tuple(wanted.shape)}'
        # a bias learnt for one embedding is useless for another
        if not keep_patch_bias and state.pop(prefix + bias, None) is not None:
            skipped[bias] = f'goes with {weight}'
    table = state.get(f'{prefix}pos_embed')
    if table is not None and encoder.pos_embed is not None and table.dim() == 3:
        fitted = encoder.resize_pos_embed(table, **(dict(drop_first_token=True) if drop_first_token else {}))
        if fitted is not table:
            state[f'{prefix}pos_embed'] = fitted
            resized['pos_embed'] = f'{table.shape[1]} to {fitted.shape[1]} tokens'
    return resized, skipped


def _skipped_on_request(encoder: BaseModule, names: Iterable[str], patterns: Sequence[str]) -> dict[str, str]:
    patterns = (patterns,) if isinstance(patterns, str) else patterns
    names = list(names)
    skipped = {}
    for pattern in patterns:
        matched = [
            name
            for name in (*names, *encoder.state_dict())
            if fnmatchcase(name, pattern) or fnmatchcase(name, f'{pattern}.*')
        ]
        if not matched:
            raise ValueError(f'skip: {pattern!r} is not a parameter of {type(encoder).__name__} or of the checkpoint')
        skipped.update(dict.fromkeys(set(names).intersection(matched), 'asked for'))
    return {name: skipped[name] for name in names if name in skipped}


def load_encoder(
    encoder: BaseModule,
    state: EncoderState,
    source: str,
    skip: Sequence[str] = (),
    keep_patch_bias: bool = False,
    drop_first_token: bool = False,
) -> LoadingReport:
    """Load the parameters of a pre-trained encoder; missing parameters keep their values.

    Args:
        encoder (SamplingViT): The branch to load into.
        state (EncoderState): The parameters.
        source (str): Their origin, for the error.
        skip, keep_patch_bias, drop_first_token: See :class:`PretrainedEncoder`.

    Returns:
        The report.

    Raises:
        ValueError: If a parameter other than an embedding has another shape, nothing fits, ``skip`` names no
            parameter, or a switch belongs to the other branch.
    """
    name_of_encoder = type(encoder).__name__
    for switch, value, embedding in (
        ('keep_patch_bias', keep_patch_bias, 'patch_embed'),
        ('drop_first_token', drop_first_token, 'spat_map'),
    ):
        if value and getattr(encoder, 'embedding', None) != embedding:
            raise ValueError(f'{switch} is an option of an encoder with {embedding!r}, found {name_of_encoder}')
    given = dict(state.parameters)
    skipped = _skipped_on_request(encoder, given, skip)
    given = {name: value for name, value in given.items() if name not in skipped}
    resized, unfit = fit_embeddings(encoder, given, keep_patch_bias=keep_patch_bias, drop_first_token=drop_first_token)
    own = encoder.state_dict()
    skipped.update(unfit, **{name: 'not in the model' for name in given if name not in own})
    loaded = {name: value for name, value in given.items() if name in own}
    wrong = [name for name, value in loaded.items() if value.shape != own[name].shape]
    if wrong:
        name = wrong[0]
        raise ValueError(
            f'{source}: {name_of_encoder} expects {name!r} of shape {tuple(own[name].shape)}, found '
            f'{tuple(loaded[name].shape)}; {len(wrong)} parameters differ in this way (an entry of skip '
            'leaves some at their initial values)'
        )
    if not loaded:
        raise ValueError(
            f'{source}: expected parameters of {name_of_encoder}, found none among '
            f'{", ".join(list(state.parameters)[:4])}, ...'
        )
    encoder.load_state_dict(loaded, strict=False)
    return LoadingReport(list(loaded), resized, skipped, [name for name in own if name not in loaded], state.num_others)


# registered in MMEngine itself, whose lookup of initialisers does not depend on the scope of the model
@WEIGHT_INITIALIZERS.register_module()
class PretrainedEncoder(PretrainedInit):
    """Initialise a ``SpatViT`` or ``SpecViT`` from a pre-trained encoder, and report what was loaded.

    ``type='Pretrained'`` in the ``init_cfg`` of a branch means the same. The position embedding is interpolated where
    the number of tokens differs. An embedding of the input with another shape (other bands, patch or image size) keeps
    its initial values, weight and bias; so do parameters that the checkpoint lacks, such as sampling offsets. The
    reference also skips embeddings that fit: ``skip=('patch_embed', )`` is its behaviour for the spatial branch, in
    classification with 'pos_embed', and ``skip=('spat_map', )`` for the spectral branch, except in denoising.

    Args:
        checkpoint (str): A file of mmhsi or of the official code, 'hypersigma:{spat,spec}-vit-{base,large,huge}' for
            the published weights, or any address that MMEngine accepts.
        prefix (str, optional): Prefix of the encoder's names in the checkpoint: 'backbone.' after pre-training and in
            official files, 'backbone.spatial.' in a fine-tuned HyperSIGMA, 'backbone.encoder.spatial.' in a network for
            two dates. Defaults to None, which finds it.
        map_location (str): Not used: parameters are read on the CPU. Defaults to 'cpu'.
        skip (Sequence[str]): Parameters that keep their initial values although the checkpoint has them: names,
            prefixes of names ('spat_map'), or patterns ('blocks.*.attn.sampling_offsets'). Defaults to ().
        keep_patch_bias (bool): Load the bias of the patch embedding even if its weight does not fit, as the reference
            does in denoising and super-resolution without the spectral branch. Defaults to False.
        drop_first_token (bool): Treat the first spectral position as that of a class token: drop it and interpolate the
            others, as the reference does in detection and denoising. Defaults to False.
    """

    def __init__(
        self,
        checkpoint: str,
        prefix: str | None = None,
        map_location: str = 'cpu',
        skip: Sequence[str] = (),
        keep_patch_bias: bool = False,
        drop_first_token: bool = False,
    ) -> None:
        super().__init__(str(checkpoint), prefix, map_location)
        self.options = dict(skip=skip, keep_patch_bias=keep_patch_bias, drop_first_token=drop_first_token)

    def __call__(self, module: BaseModule) -> None:
        """Load into a branch and log the report."""
        name = type(module).__name__
        if not hasattr(module, 'embedding'):
            raise ValueError(
                f'PretrainedEncoder initialises a SpatViT or a SpecViT, found {name}; give each branch its own init_cfg'
            )
        state = load_encoder_state(self.checkpoint, self.prefix, module.embedding)
        report = load_encoder(module, state, self.checkpoint, **self.options)
        print_log(f'{name} initialised from {self.checkpoint}:\n{report.table()}', 'current')
        print_log(f'{name} initialised from {self.checkpoint}:\n{report.lists()}', 'current', logging.DEBUG)
        lacking = [name for name in report.new if not _MAY_BE_NEW.fullmatch(name) and name not in report.skipped]
        if lacking:
            print_log(
                f'{self.checkpoint} lacks {len(lacking)} parameters of {name}, which keep their initial values: '
                f'{_grouped(lacking)}',
                'current',
                logging.WARNING,
            )
        if hasattr(module, '_params_init_info'):
            update_init_info(module, self._get_init_info())


def as_encoder_init(init_cfg: dict | list[dict] | None) -> list[dict] | None:
    """An ``init_cfg`` in which MMEngine's 'Pretrained' is a :class:`PretrainedEncoder`, which comes last."""
    if init_cfg is None:
        return None
    cfgs = []
    for cfg in [init_cfg] if isinstance(init_cfg, dict) else init_cfg:
        pretrained = component_name(cfg) in ('Pretrained', 'PretrainedInit', 'PretrainedEncoder')
        cfgs.append(dict(cfg, type=PretrainedEncoder) if pretrained else cfg)
    return sorted(cfgs, key=lambda cfg: cfg['type'] is PretrainedEncoder)
