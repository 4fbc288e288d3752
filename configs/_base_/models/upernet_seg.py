# mmseg's UPerNet on tiles. A config adds the backbone with its in_channels, and the head's widths and norm_cfg.
model = dict(
    type='mmseg.EncoderDecoder',
    data_preprocessor=dict(type='HSIDataPreprocessor'),
    backbone=dict(out_indices=(0, 1, 2, 3)),
    decode_head=dict(
        type='mmseg.UPerHead',
        in_index=[0, 1, 2, 3],
        pool_scales=(1, 2, 3, 6),
        loss_decode=dict(type='mmseg.CrossEntropyLoss', avg_non_ignore=True),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
