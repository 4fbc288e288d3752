# Few labels: in parallel to the network, a wide hidden layer processes the same smoothed noise fractions. The network
# is trained with noise, the wide layer without; Mixup, which harms the latter, is left out.
_base_ = 'hypersigma-tiny_cls_indian-pines_smoothed.py'

model = dict(
    type='WideAndDeepClassifier',
    noise_std=0.6,  # noise fractions of the smoothed scene have a deviation of 0.2 to 1.3
    data_preprocessor=dict(batch_augments=None),
    head=dict(
        _delete_=True,
        type='WideAndDeepHead',
        in_channels=_base_.num_bands,
        num_classes=_base_.num_classes,
        deep=_base_.model.head,
    ),
)
optim_wrapper = dict(clip_grad=dict(max_norm=5.0))  # the gradients of the deep path do not slow down the wide one
