# A suite of one minute that checks whether everything works on this machine. Its scores have no meaning.
short = {
    'train_cfg.max_epochs': 1,
    'train_cfg.val_begin': 1,
    'train_cfg.val_interval': 1,
    'val_dataloader.dataset.indices': 32,
    'test_dataloader.dataset.indices': 64,
}
contestants = [
    dict(name='SpatSIGMA-T', config='../classification/spatsigma-tiny_cls_indian-pines.py', cfg_options=short),
    dict(name='3-D CNN', config='../classification/cnn-3d_cls_indian-pines.py', cfg_options=short),
]
settings = {
    'random': dict(scene=dict(split=dict(type='NumberSplit', train=3, val=2), fit_on='all'), curve='random pixels'),
    'strict fit': dict(
        scene=dict(split=dict(type='NumberSplit', train=3, val=2), fit_on='unevaluated'), customary='random'
    ),
}
scores = dict(OA=4, AA=4, kappa=4)
seeds = (0, 1)
