# Cost of every network that classifies windows, for tools/benchmark/efficiency.py: small ones on windows of
# 13 pixels, kinds of attention in them, and the published sizes on windows of 33 pixels, for an accelerator.
_base_ = 'indian-pines_attention.py'

folder = '../classification/'
small, attention, published = 'small', 'attention', 'published sizes'
contestants = [
    *(dict(contestant, settings=[small]) for contestant in (*_base_.windows, *_base_.wide)),
    *(
        dict(name=name, config=f'{folder}{config}_cls_indian-pines.py', settings=[small])
        for name, config in (
            ('SpecSIGMA-T', 'specsigma-tiny'),
            ('SSFTT', 'ssftt'),
            ('A2S2K-ResNet', 'a2s2k-resnet'),
            ('SpectralFormer', 'spectralformer'),
        )
    ),
    *(dict(contestant, settings=[attention]) for contestant in _base_.contestants),
    *(
        dict(
            name=f'{model}-{arch[0].upper()}', config=f'{folder}{file}-{arch}_cls_indian-pines.py', settings=[published]
        )
        for model, file in (('HyperSIGMA', 'hypersigma'), ('SpatSIGMA', 'spatsigma'))
        for arch in ('small', 'base', 'large', 'huge')
    ),
]
settings = {'_delete_': True, small: {}, attention: {}, published: {}}
scores = dict(OA=4)
reference = 'HyperSIGMA-T'
seeds = (0,)
