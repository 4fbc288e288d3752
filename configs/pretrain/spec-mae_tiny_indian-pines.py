# A masked autoencoder that a CPU core trains in a few minutes. Its encoder is the part of the tiny one that
# hypersigma-tiny_cls_indian-pines.py uses: two blocks, the first with sparse attention.
_base_ = [
    '../_base_/models/spec-mae-base.py',
    '../_base_/datasets/indian-pines_mae_tiny.py',
    '../_base_/schedules/mae_tiny.py',
    '../_base_/pretrain_runtime.py',
]

model = dict(
    data_preprocessor=dict(num_bands=_base_.num_bands),
    backbone=dict(
        arch=dict(_delete_=True, embed_dims=64, num_layers=2, num_heads=4, full_attn_interval=2),
        img_size=_base_.tile_size,
        num_tokens=25,
        in_channels=_base_.num_bands,
        full_attn_interval=2,
        num_points=4,
        drop_path_rate=0.0,
    ),
    neck=dict(embed_dims=64, num_layers=1, num_heads=4),
    head=dict(norm_pix_loss=False),
)

# whitened components are uncorrelated; only bands can be reconstructed from bands
train_dataloader = dict(dataset=dict(scene=dict(preprocessing=[dict(type='Standardize')])))
