# Masked pre-training of the tiny HyperSIGMA on the tiles of the scene: which branch, how much is masked, how the loss
# is normalised, how many tiles are seen, and how many of the components are drawn for each of them, which leaves the
# embedding of the patches untrained. Each cell pre-trains, then fine-tunes.
_base_ = ['contestants.py', 'indian-pines_settings.py', '../_base_/datasets/indian-pines_mae_tiny.py']

spatial = dict(config='../pretrain/spat-mae_tiny_indian-pines.py')
spectral = dict(config='../pretrain/spec-mae_tiny_indian-pines.py')
tiles = 4489
variants = {
    'none': {},
    'spatial': dict(spatial=spatial),
    'spectral': dict(spectral=spectral),
    'both': dict(spatial=spatial, spectral=spectral),
    **{
        f'spatial, {ratio} % masked': dict(
            spatial=dict(spatial, cfg_options={'model.backbone.mask_ratio': ratio / 100})
        )
        for ratio in (40, 75, 90)
    },
    'spatial, normalised patches': dict(spatial=dict(spatial, cfg_options={'model.head.norm_pix_loss': True})),
    **{
        f'spatial, {share} % of the tiles': dict(
            spatial=dict(spatial, cfg_options={'train_dataloader.dataset.indices': tiles * share // 100})
        )
        for share in (10, 50)
    },
    **{
        f'spatial, {number} components drawn': dict(
            spatial=dict(
                spatial,
                cfg_options={
                    'model.data_preprocessor.num_bands': number,
                    'model.backbone.in_channels': number,
                    'train_dataloader.dataset.pipeline': [
                        dict(type='RandomBands', num_bands=number),
                        dict(type='RandomTileCrop', size=12),
                        *_base_.train_pipeline,
                    ],
                },
            )
        )
        for number in (50, 100)
    },
}
contestants = [
    dict(
        name=name,
        config='../classification/hypersigma-tiny_cls_indian-pines.py',
        cfg_options={'optim_wrapper.optimizer.lr': 1e-3},
        pretraining=pretraining,
    )
    for name, pretraining in variants.items()
]
settings = {'10 per class': _base_.customary['10 per class']}
scores = dict(OA=4, AA=4, kappa=4)
reference = 'none'
seeds = (0, 1, 2)
