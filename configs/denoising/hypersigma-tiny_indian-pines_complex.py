_base_ = ['hypersigma-tiny_indian-pines_gaussian.py', '../_base_/datasets/noise_complex.py']

train_dataloader = dict(dataset=dict(dataset=dict(pipeline=_base_.complex_train_pipeline)))
val_dataloader = dict(dataset=dict(pipeline=_base_.complex_val_pipeline))
test_dataloader = dict(dataset=dict(pipeline=_base_.complex_test_pipeline))
