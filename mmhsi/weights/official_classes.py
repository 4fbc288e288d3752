"""Official classes of HyperSIGMA: which ones are copies of one another, and their short names.

The official code repeats its encoders and layers in the folder of every task. A class is identified by its file, since
several files define classes with the same name; the copies of a class share the rules of one of them, its kind.
"""

_CLASSIFICATION = 'ImageClassification/model'
_DETECTION = [f'HyperspectralDetection/{task}/models' for task in ('Anomaly_Detection', 'Target_Detection')]
_DENOISING, _SUPER_RESOLUTION = 'ImageDenoising/models', 'ImageSuperResolution/models'
_FUSION = [f'{_DENOISING}/hypersigma', f'{_SUPER_RESOLUTION}/HyperSIGMA']

# Kinds shared by several classes.
SPATIAL_OF_CLASSIFICATION = f'{_CLASSIFICATION}/SpatViT_fusion.py:SpatViT'
SPATIAL_PLAIN = 'ChangeDetection/models/SpatVit.py:SpatViT'
SPATIAL_OF_DETECTION = f'{_DETECTION[0]}/SpatViT.py:SpatialVisionTransformer'
SPATIAL_OF_MULTISPECTRAL = 'MultispectralCD/deep_networks/SpatViT.py:ALter_SpatViT'
SPECTRAL = f'{_CLASSIFICATION}/SpecViT_fusion.py:SpectralVisionTransformer'
SPATIAL_REFINER = f'{_SUPER_RESOLUTION}/HyperSIGMA/Spatial_route.py:Adpater'
SPECTRAL_REFINER = f'{_DENOISING}/hypersigma/Spectral_route.py:Adapter_Spectral'
LAYER, PATCH_EMBEDDING, CHANNEL_NORM = 'layer', 'patch-embedding', 'channel-norm'

_SPATIAL_FILES = [
    *(
        f'{_CLASSIFICATION}/{name}.py'
        for name in ('SpatViT_cls', 'SpatViT_fusion', 'SpatViT_fusion_patch', 'SpatViT_seg')
    ),
    'ChangeDetection/models/SpatVit.py',
    'HyperspectralUnmixing/models/SpatVit.py',
    *(f'{folder}/SpatViT.py' for folder in _DETECTION),
    'MultispectralCD/deep_networks/SpatViT.py',
    *(f'{folder}/{name}.py' for folder in _FUSION for name in ('Spatial', 'Spatial_route')),
    f'{_DENOISING}/spatsigma.py',
    f'{_SUPER_RESOLUTION}/SpatSIGMA.py',
    'Pretrain/models_mae_Spat.py',
]
_SPECTRAL_FILES = [
    f'{_CLASSIFICATION}/SpecViT_fusion.py',
    'ChangeDetection/models/SpecVit.py',
    'HyperspectralUnmixing/models/SpecVit.py',
    *(f'{folder}/SpecViT.py' for folder in _DETECTION),
    'MultispectralCD/deep_networks/SpecViT_new.py',
    *(f'{folder}/{name}.py' for folder in _FUSION for name in ('Spectral', 'Spectral_route')),
    'Pretrain/models_mae_Spec.py',
]


def _layers() -> dict[str, str]:
    """The layers that every file of an encoder defines; the pre-training files have full attention only."""
    kinds = dict(Attention=LAYER, SampleAttention=LAYER, Block=LAYER, Mlp=LAYER, Norm2d=CHANNEL_NORM)
    layers = {
        f'{file}:{name}': kind
        for file in (*_SPATIAL_FILES, *_SPECTRAL_FILES)
        for name, kind in kinds.items()
        if not (name == 'SampleAttention' and file.startswith('Pretrain'))
    }
    # that of a spectral encoder only reshapes the image and has no parameters
    layers.update({f'{file}:PatchEmbed': PATCH_EMBEDDING for file in (*_SPATIAL_FILES, *_SPECTRAL_FILES)})
    layers.update({f'{folder}/models.py:LayerNorm2d': LAYER for folder in _DETECTION})
    return layers


_ENCODERS = {
    f'{_CLASSIFICATION}/SpatViT_fusion_patch.py:SpatViT': SPATIAL_OF_CLASSIFICATION,
    'HyperspectralUnmixing/models/SpatVit.py:SpatViT': SPATIAL_PLAIN,
    f'{_DETECTION[1]}/SpatViT.py:SpatialVisionTransformer': SPATIAL_OF_DETECTION,
    'MultispectralCD/deep_networks/SpatViT.py:SpatViT': SPATIAL_OF_MULTISPECTRAL,
    **{
        f'{folder}/models/SpecVit.py:{name}': SPECTRAL
        for folder in ('ChangeDetection', 'HyperspectralUnmixing')
        for name in ('SpecViT', 'SpectralVisionTransformer')
    },
    **{f'{folder}/SpecViT.py:SpectralVisionTransformer': SPECTRAL for folder in _DETECTION},
    **{
        f'MultispectralCD/deep_networks/SpecViT_new.py:{name}': SPECTRAL
        for name in ('altered_SpecViT_0428', 'SpectralVisionTransformer')
    },
    **{f'{folder}/Spectral.py:SpectralVisionTransformer': SPECTRAL for folder in _FUSION},
    f'{_DENOISING}/hypersigma/Spatial_route.py:Adpater': SPATIAL_REFINER,
    f'{_SUPER_RESOLUTION}/HyperSIGMA/Spectral_route.py:Adapter_Spectral': SPECTRAL_REFINER,
}

_SHORT_NAMES = {
    'hypersigma-cls': f'{_CLASSIFICATION}/ss_fusion_cls.py:SSFusionFramework',
    'hypersigma-seg': f'{_CLASSIFICATION}/ss_fusion_seg.py:SSFusionFramework',
    'spatsigma-cls': f'{_CLASSIFICATION}/SpatViT_cls.py:SpatViT',
    'spatsigma-seg': f'{_CLASSIFICATION}/SpatViT_seg.py:SpatViT',
    'hypersigma-htd': f'{_DETECTION[1]}/models.py:SSHTDFramework',
    'spatsigma-htd': f'{_DETECTION[1]}/models.py:SpatialHTDFramework',
    'hypersigma-had': f'{_DETECTION[0]}/models.py:SSHADFramework',
    'spatsigma-had': f'{_DETECTION[0]}/models.py:SpatialHADFramework',
    'hypersigma-hcd': 'ChangeDetection/models/model.py:HyperSIGMA_CD',
    'spatsigma-hcd': 'ChangeDetection/models/model.py:SpatSIGMA_CD',
    'hypersigma-mscd': 'MultispectralCD/deep_networks/FM_detector.py:MSCDNet',
    'hypersigma-hiu': 'HyperspectralUnmixing/models/model.py:HyperSIGMA_Unmix',
    'spatsigma-hiu': 'HyperspectralUnmixing/models/model.py:SpatSIGMA_Unmix',
    'hypersigma-hid': f'{_DENOISING}/hypersigma/model.py:SSFusionFramework',
    'spatsigma-hid': f'{_DENOISING}/spatsigma.py:SpatViT',
    'hypersigma-hsr': f'{_SUPER_RESOLUTION}/HyperSIGMA/model.py:SSFusionFramework',
    'spatsigma-hsr': f'{_SUPER_RESOLUTION}/SpatSIGMA.py:SpatViT',
    'spat-mae': 'Pretrain/models_mae_Spat.py:SpatMAE',
    'spec-mae': 'Pretrain/models_mae_Spec.py:SpecMAE',
}

# Kind of every official class without its own kind, and of the short names.
ALIASES = {**_layers(), **_ENCODERS, **_SHORT_NAMES}


def short_kinds() -> list[str]:
    """The short names of kinds."""
    return list(_SHORT_NAMES)
