"""Base of the spatial and the spectral vision transformer of HyperSIGMA."""

import logging
from abc import abstractmethod
from collections.abc import Sequence

from mmengine.logging import print_log
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmhsi.models.layers import TransformerBlocks, init_linear_and_norm

from .pretrained import as_encoder_init, fit_embeddings

_ARCH_KEYS = {'embed_dims', 'num_layers', 'num_heads', 'feedforward_channels', 'full_attn_interval', 'out_indices'}

ARCH_ZOO = {
    'tiny': dict(
        embed_dims=64,
        num_layers=4,
        num_heads=4,
        feedforward_channels=256,
        full_attn_interval=2,
        out_indices=(0, 1, 2, 3),
    ),
    'small': dict(
        embed_dims=384,
        num_layers=12,
        num_heads=6,
        feedforward_channels=1536,
        full_attn_interval=3,
        out_indices=(3, 5, 7, 11),
    ),
    'base': dict(
        embed_dims=768,
        num_layers=12,
        num_heads=12,
        feedforward_channels=3072,
        full_attn_interval=3,
        out_indices=(3, 5, 7, 11),
    ),
    'large': dict(
        embed_dims=1024,
        num_layers=24,
        num_heads=16,
        feedforward_channels=4096,
        full_attn_interval=6,
        out_indices=(7, 11, 15, 23),
    ),
    'huge': dict(
        embed_dims=1280,
        num_layers=32,
        num_heads=16,
        feedforward_channels=5120,
        full_attn_interval=8,
        out_indices=(10, 15, 20, 31),
    ),
}


def resolve_arch(arch: str | dict) -> dict:
    """Settings of a named architecture, or a checked copy of a dict of settings.

    Raises:
        ValueError: If the name is unknown, or the dict lacks required keys.
    """
    if isinstance(arch, str):
        if arch not in ARCH_ZOO:
            raise ValueError(f'unknown arch {arch!r}, expected one of {sorted(ARCH_ZOO)} or a dict')
        return dict(ARCH_ZOO[arch])
    settings = dict(arch)
    settings.setdefault('feedforward_channels', 4 * settings.get('embed_dims', 0))
    settings.setdefault('out_indices', (settings.get('num_layers', 1) - 1,))
    if set(settings) != _ARCH_KEYS:
        raise ValueError(f'an arch dict needs the keys {sorted(_ARCH_KEYS)}, found {sorted(arch)}')
    return settings


class SamplingViT(BaseModule):
    """Blocks, outputs and initialisation of both branches; a branch adds its embedding of the input.

    Only the blocks up to the last output are built, so that every parameter has a gradient. No final norm is applied to
    an output, as in the reference.

    Args:
        arch (str | dict): 'tiny', 'small', 'base', 'large', 'huge', or a dict with the keys embed_dims, num_layers,
            num_heads, full_attn_interval, and optionally feedforward_channels and out_indices.
        out_indices (Sequence[int] | str, optional): Blocks whose outputs are returned, shallow to deep; negative ones
            count from the end. 'early' is the first output of the arch (block 3, 7 or 10 of base, large or huge),
            'last' the last block. Defaults to those of the arch.
        num_points (int): Sampled points of sparse sampling attention. Defaults to 8.
        attn_cfg (dict, optional): Config of the attention of blocks without full attention, one of
            :mod:`mmhsi.models.layers.attention`. Defaults to None (sparse sampling attention).
        full_attn_interval (int, optional): Every n-th block has full attention: 1 all, 0 none. Defaults to the arch's.
        qkv_bias (bool): Whether query, key and value have a bias. Defaults to True.
        drop_path_rate (float): Drop-path rate of the last block of the arch. Defaults to 0.1.
        layer_scale_init_value (float, optional): Initial value of a learnt scale of each branch. Defaults to None.
        use_abs_pos_emb (bool): Whether to add learnt position embeddings. Defaults to True.
        with_cp (bool): Recompute activations in the backward pass to save memory. Defaults to False.
        init_cfg (dict, optional): Initialisation, e.g. ``dict(type='Pretrained', checkpoint=...)``; see
            :class:`PretrainedEncoder`.
    """

    embedding: str  # name of the module that embeds the input

    def __init__(
        self,
        arch: str | dict = 'base',
        out_indices: Sequence[int] | str | None = None,
        num_points: int = 8,
        attn_cfg: dict | None = None,
        full_attn_interval: int | None = None,
        qkv_bias: bool = True,
        drop_path_rate: float = 0.1,
        layer_scale_init_value: float | None = None,
        use_abs_pos_emb: bool = True,
        with_cp: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(as_encoder_init(init_cfg))
        settings = resolve_arch(arch)
        self.embed_dims = settings['embed_dims']
        self.num_layers = settings['num_layers']
        self.out_indices = self._resolved_out_indices(settings['out_indices'], out_indices)
        self.use_abs_pos_emb = use_abs_pos_emb
        self.pos_embed: nn.Parameter | None = None
        self.blocks = TransformerBlocks(
            self.out_indices[-1] + 1,
            self.embed_dims,
            settings['full_attn_interval'] if full_attn_interval is None else full_attn_interval,
            drop_path_rate=drop_path_rate,
            ramp_length=self.num_layers,
            with_cp=with_cp,
            num_heads=settings['num_heads'],
            feedforward_channels=settings['feedforward_channels'],
            num_points=num_points,
            attn_cfg=attn_cfg,
            qkv_bias=qkv_bias,
            layer_scale_init_value=layer_scale_init_value,
        )

    def _resolved_out_indices(self, of_arch: Sequence[int], chosen: Sequence[int] | str | None) -> tuple[int, ...]:
        if chosen is None or isinstance(chosen, str):
            named = {None: of_arch, 'early': of_arch[:1], 'last': (-1,)}
            if chosen not in named:
                raise ValueError(f"out_indices must be block numbers, 'early' or 'last', found {chosen!r}")
            return self._checked_out_indices(named[chosen])
        indices = self._checked_out_indices(chosen)
        unbuilt = self.num_layers - 1 - indices[-1]
        if unbuilt:
            print_log(
                f'{type(self).__name__}: out_indices={tuple(chosen)} ends at block {indices[-1]}, so the {unbuilt} '
                f'blocks after it, of {self.num_layers}, are not '
                'built',
                'current',
                logging.WARNING,
            )
        return indices

    def _checked_out_indices(self, out_indices: Sequence[int]) -> tuple[int, ...]:
        indices = tuple(i + self.num_layers if i < 0 else i for i in out_indices)
        if not indices or list(indices) != sorted(set(indices)) or not 0 <= indices[0] <= indices[-1] < self.num_layers:
            raise ValueError(
                f'out_indices must be ascending block numbers below {self.num_layers}, found {tuple(out_indices)}'
            )
        return indices

    @abstractmethod
    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Compute the features of a batch of images (B, C, H, W)."""

    def init_weights(self) -> None:
        """Draw the initial weights, then apply ``init_cfg``."""
        init_linear_and_norm(self)
        self.blocks.reset_parameters()
        if self.pos_embed is not None:
            nn.init.trunc_normal_(self.pos_embed, std=0.02)
        super().init_weights()

    @abstractmethod
    def resize_pos_embed(self, table: Tensor) -> Tensor:
        """Position embeddings (1, N', E) adapted to the tokens of this branch; unchanged if that is impossible."""

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *args) -> None:
        """Adapt the embeddings of loaded parameters, whether by :class:`PretrainedEncoder` or as part of a whole
        model."""
        resized, skipped = fit_embeddings(self, state_dict, prefix)
        for name, how in resized.items():
            print_log(f'{prefix}{name} is resized from {how}', 'current')
        for name, reason in skipped.items():
            print_log(f'{prefix}{name} {reason}, and keeps its initial values', 'current', logging.WARNING)
        super()._load_from_state_dict(state_dict, prefix, *args)

    def get_layer_depth(self, param_name: str, prefix: str = '') -> tuple[int, int]:
        """Layer number of a parameter for layer-wise learning-rate decay.

        Args:
            param_name: Full name of the parameter.
            prefix: Name of this backbone in the model, with a trailing dot.

        Returns:
            The layer (0 for the embeddings, i + 1 for block i, ``num_layers + 1`` for all else) and the number of
            layers (``num_layers + 2``).
        """
        num_layers = self.num_layers + 2
        name = param_name[len(prefix) :] if param_name.startswith(prefix) else ''
        if name.startswith(('patch_embed', 'pos_embed', 'mask_token')):
            return 0, num_layers
        if name.startswith('blocks.'):
            return int(name.split('.')[1]) + 1, num_layers
        return num_layers - 1, num_layers
