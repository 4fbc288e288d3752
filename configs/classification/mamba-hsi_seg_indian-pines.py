# MambaHSI (Li et al., IEEE TGRS 62, 2024) on the whole scene, under mmseg's head and trained as the others here; the
# paper has Adam at 3e-4 for 200 steps and 30 labels of each class. It sees bands, each scaled to [0, 1].
_base_ = 'upernet-r18_seg_indian-pines.py'

preprocessing = [dict(type='MinMaxScale', per_band=True)]
model = dict(
    backbone=dict(_delete_=True, type='MambaHSI', in_channels=_base_.num_bands),
    decode_head=dict(
        _delete_=True,
        type='mmseg.FCNHead',
        in_channels=128,
        in_index=0,
        channels=128,
        num_convs=0,
        concat_input=False,
        dropout_ratio=0.0,
        num_classes=_base_.num_classes,
        loss_decode=dict(type='mmseg.CrossEntropyLoss', avg_non_ignore=True),
    ),
)

train_dataloader = dict(dataset=dict(scene=dict(preprocessing=preprocessing)))
val_dataloader = dict(dataset=dict(scene=dict(preprocessing=preprocessing)))
test_dataloader = dict(dataset=dict(scene=dict(preprocessing=preprocessing)))
