"""Conversion of whole official checkpoints of HyperSIGMA to checkpoints of MMEngine, and back."""

from dataclasses import dataclass

from .checkpoint_file import parameters_of
from .convert import convert_hypersigma_state_dict, normalise_kind
from .convert_back import names_in_mmhsi, official_names, revert_hypersigma_state_dict
from .official_layout import check_pretraining_shapes, pretraining_kind

# Settings of the official pre-training that describe how the weights were made; the others are paths and addresses.
_TOLD_ARGUMENTS = (
    'model',
    'epochs',
    'batch_size',
    'accum_iter',
    'world_size',
    'lr',
    'blr',
    'min_lr',
    'warmup_epochs',
    'weight_decay',
    'mask_ratio',
    'norm_pix_loss',
    'input_size',
    'seed',
)
_OUR_EMBEDDINGS = {
    'backbone.patch_embed.projection.weight': 'spat-mae',
    'backbone.spat_map.projection.weight': 'spec-mae',
}
_PRETRAINING_KINDS = {normalise_kind(kind): kind for kind in _OUR_EMBEDDINGS.values()}


@dataclass
class Conversion:
    """A converted checkpoint with a record of the conversion.

    Attributes:
        checkpoint (dict): In the target layout.
        kind (str): Kind of the file.
        size (str | None): 'base', 'large' or 'huge' for a pre-training file with a published width.
        converted (list[str]): Names of the source that were converted.
        dropped (list[str]): Names of the source that have no influence on the outputs and were dropped.
        unknown (list[str]): Names of the source that the kind does not have; left out.
    """

    checkpoint: dict
    kind: str
    size: str | None
    converted: list[str]
    dropped: list[str]
    unknown: list[str]

    @property
    def summary(self) -> str:
        """One line with the counts."""
        size = f' {self.size}' if self.size else ''
        return (
            f'{self.kind}{size}: {len(self.converted)} parameters converted, {len(self.dropped)} dropped, '
            f'{len(self.unknown)} unknown'
        )


def _told(arguments: object) -> dict:
    """The pre-training settings worth keeping, as plain values."""
    arguments = arguments if isinstance(arguments, dict) else getattr(arguments, '__dict__', {})
    return {
        name: arguments[name] for name in _TOLD_ARGUMENTS if isinstance(arguments.get(name), bool | int | float | str)
    }


def convert_checkpoint(
    checkpoint: object, source: str, kind: str | None = None, size: str | None = None, drop_background: bool = True
) -> Conversion:
    """Convert the content of an official file to a checkpoint of MMEngine.

    Args:
        checkpoint: Content of the file: a dict with the parameters under ``model`` or ``state_dict``, or only the
            parameters.
        source (str): Name of the file, for errors.
        kind (str, optional): As in :func:`convert_hypersigma_state_dict`. Defaults to the one that the parameter names
            of a pre-training file indicate.
        size (str, optional): 'base', 'large' or 'huge' if the file must be the published one of this size.
        drop_background (bool): As in :func:`convert_hypersigma_state_dict`. Defaults to True.

    Returns:
        The conversion; its checkpoint has ``state_dict`` and ``meta`` with ``hypersigma`` (kind, size, pre-training
        settings) and, if the file states the last epoch, ``epoch``: the number of finished epochs, as in MMEngine,
        which is one more than the official index of the last epoch.

    Raises:
        ValueError: If the kind cannot be determined, nothing can be converted, or a pre-training file has other
            parameters than its kind.
    """
    state = parameters_of(checkpoint, source)
    detected = pretraining_kind(state)
    if kind is None:
        if detected is None:
            raise ValueError(
                f'{source}: this is not a pre-training file (expected mask_token and patch_embed.proj.weight or '
                f'spat_map.weight, found {", ".join(list(state)[:4])}, ...); give its kind'
            )
        kind = detected
    kind = _PRETRAINING_KINDS.get(normalise_kind(kind), kind)
    if kind in _PRETRAINING_KINDS.values():
        if detected not in (None, kind):
            raise ValueError(f'{source}: expected a {kind} file, found a {detected} one')
        size = check_pretraining_shapes(state, kind, source, size)
    names, unknown = names_in_mmhsi(state, kind)
    if not any(names.values()):
        raise ValueError(f'{source}: expected parameters of {kind!r}, found {", ".join(list(state)[:4])}, ...')
    converted = convert_hypersigma_state_dict({name: state[name] for name in names}, kind, drop_background)
    outer = checkpoint if 'model' in checkpoint or 'state_dict' in checkpoint else {}
    meta = dict(hypersigma=dict(kind=kind, size=size, args=_told(outer.get('args'))))
    if isinstance(outer.get('epoch'), int):
        meta['epoch'] = outer['epoch'] + 1
    return Conversion(
        dict(meta=meta, state_dict=converted),
        kind,
        size,
        converted=[name for name, ours in names.items() if ours is not None],
        dropped=[name for name, ours in names.items() if ours is None],
        unknown=unknown,
    )


def revert_checkpoint(
    checkpoint: object, source: str, kind: str | None = None, add_background: bool = True
) -> Conversion:
    """Convert a checkpoint of MMEngine with our parameters to the official layout.

    Args:
        checkpoint: Content of the file, with the parameters under ``state_dict``.
        source (str): Name of the file, for errors.
        kind (str, optional): As in :func:`convert_hypersigma_state_dict`. Defaults to the one that the checkpoint or
            its parameter names indicate.
        add_background (bool): As in :func:`revert_hypersigma_state_dict`. Defaults to True.

    Returns:
        The conversion; its checkpoint has ``model`` and, if ours states the number of epochs, ``epoch``, the index of
        the last one.

    Raises:
        ValueError: If the kind cannot be determined, or nothing can be converted.
    """
    state = parameters_of(checkpoint, source)
    meta = checkpoint.get('meta', {}) if 'state_dict' in checkpoint else {}
    told = meta.get('hypersigma', {})
    if kind is None:
        kind = told.get('kind')
    if kind is None and 'neck.mask_token' in state:
        kind = next((kind for name, kind in _OUR_EMBEDDINGS.items() if name in state), None)
    if kind is None:
        raise ValueError(
            f'{source}: this is not a pre-training checkpoint (expected neck.mask_token and '
            f'{" or ".join(_OUR_EMBEDDINGS)}, found {", ".join(list(state)[:4])}, ...); give its kind'
        )
    names, unknown = official_names(state, kind)
    if not names:
        raise ValueError(f'{source}: expected parameters of {kind!r}, found {", ".join(list(state)[:4])}, ...')
    reverted = dict(model=revert_hypersigma_state_dict({name: state[name] for name in names}, kind, add_background))
    if isinstance(meta.get('epoch'), int):
        reverted['epoch'] = meta['epoch'] - 1
    return Conversion(reverted, kind, told.get('size'), converted=list(names), dropped=[], unknown=unknown)
