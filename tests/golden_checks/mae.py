"""Goldens of the masked autoencoders: outputs, both losses and the gradients of input and parameters."""

import torch
from torch import Tensor

import mmhsi.models  # noqa: F401
from golden_checks.case import GoldenCase
from golden_checks.compare import assert_gradient_close, assert_output_close, in_mode
from golden_checks.sizes import num_tokens, settings_of, shapes_of
from mmhsi.registry import MODELS
from mmhsi.utils import convert_hypersigma_state_dict


def build_mae(case: GoldenCase, norm_pix_loss: bool = False):
    """The model of a case under the switches that reproduce the reference, with its weights."""
    sizes, shapes = settings_of(case), shapes_of(case)
    spatial = case.class_name == 'SpatMAE'
    width, hidden = shapes['blocks.0.norm1.weight'][0], shapes['blocks.0.mlp.fc1.weight'][0]
    arch = dict(
        embed_dims=width,
        num_layers=sizes['depth'],
        num_heads=sizes['num_heads'],
        feedforward_channels=hidden,
        full_attn_interval=1,
    )
    tokens = dict(patch_size=shapes['patch_embed.proj.weight'][-1]) if spatial else dict(num_tokens=num_tokens(case))
    model = MODELS.build(
        dict(
            type='mmhsi.SpatMAE' if spatial else 'mmhsi.SpecMAE',
            backbone=dict(
                type='mmhsi.MaskedSpatViT' if spatial else 'mmhsi.MaskedSpecViT',
                arch=arch,
                img_size=case.image_size,
                in_channels=case.images[0].shape[1],
                mask_ratio=case.json['mask_ratio'],
                qkv_bias=sizes['qkv_bias'],
                drop_path_rate=sizes['drop_path_rate'],
                use_abs_pos_emb=False,
                **tokens,
            ),
            neck=dict(
                embed_dims=shapes['decoder_embed.bias'][0],
                num_layers=sizes['decoder_depth'],
                num_heads=sizes['decoder_num_heads'],
                mlp_ratio=hidden / width,
                qkv_bias=sizes['qkv_bias'],
            ),
            head=dict(norm_pix_loss=norm_pix_loss),
        )
    )
    state = convert_hypersigma_state_dict(case.state, case.reference)
    missing, unexpected = model.load_state_dict(state, strict=False)
    # the positions of the encoder are not used; those of the spatial decoder are a formula
    assert set(missing) <= {'backbone.pos_embed', 'neck.decoder_pos_embed'} and not unexpected
    return in_mode(model, case)


def run(model, case: GoldenCase) -> tuple[Tensor, dict[str, Tensor]]:
    """The input, and what the model makes of it."""
    x = case.images[0].detach().clone().requires_grad_()
    output = model.autoencode(x, case.inputs['noise'].detach())
    return x, {**output._asdict(), 'target': model.head.target(x), 'loss': model.head.loss(output.pred, x, output.mask)}


def check_mae(case: GoldenCase) -> None:
    """SpatMAE and SpecMAE with the given noise, without and with the normalisation of the target."""
    model = build_mae(case)
    x, found = run(model, case)
    x_norm, found_norm = run(build_mae(case, norm_pix_loss=True), case)
    found['loss_norm_pix'] = found_norm['loss']
    wanted = case.group('out.')
    assert set(found) == set(wanted), f'outputs {sorted(found)}, wanted {sorted(wanted)}'
    for name, value in wanted.items():
        output = found[name].reshape(value.shape) if value.size == 1 else found[name]
        assert output.dtype == torch.from_numpy(value).dtype, f'{name}: {output.dtype}, wanted {value.dtype}'
        assert_output_close(name, output, value)

    found['loss'].backward()
    found_norm['loss'].backward()
    assert_gradient_close('x', x.grad, case.tensors['grad.x'])
    assert_gradient_close('x_norm_pix', x_norm.grad, case.tensors['grad.x_norm_pix'])
    parameters = dict(model.named_parameters())
    for key, value in case.group('gradparam.').items():
        (name,) = convert_hypersigma_state_dict({key: value}, case.reference)
        assert_gradient_close(key, parameters[name].grad, value)
    without_gradient = {name for name, parameter in parameters.items() if parameter.grad is None}
    assert without_gradient == {'backbone.pos_embed'}
