# A masked autoencoder that a CPU core trains in a few minutes. Its encoder is the part of the tiny one that
# hypersigma-tiny_cls_indian-pines.py uses: two blocks, the first with sparse attention.
_base_ = [
    '../_base_/models/spat-mae-base.py',
    '../_base_/datasets/indian-pines_mae_tiny.py',
    '../_base_/schedules/mae_tiny.py',
    '../_base_/pretrain_runtime.py',
]

tile_size = 12  # pixels, whole patches; taken from anywhere in a tile, so that patches begin at any pixel
model = dict(
    data_preprocessor=dict(num_bands=_base_.num_bands),
    backbone=dict(
        arch=dict(_delete_=True, embed_dims=64, num_layers=2, num_heads=4, full_attn_interval=2),
        img_size=tile_size,
        patch_size=2,
        in_channels=_base_.num_bands,
        mask_ratio=0.6,
        full_attn_interval=2,
        num_points=4,
        drop_path_rate=0.0,
    ),
    neck=dict(embed_dims=64, num_layers=1, num_heads=4),
    head=dict(norm_pix_loss=False),
)

train_dataloader = dict(dataset=dict(pipeline=[dict(type='RandomTileCrop', size=tile_size), *_base_.train_pipeline]))
