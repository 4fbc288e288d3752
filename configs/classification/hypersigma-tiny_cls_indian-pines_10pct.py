_base_ = 'hypersigma-tiny_cls_indian-pines.py'

split = dict(_delete_=True, type='RatioSplit', train=0.1, val=0.1, seed=0)  # shares of the labelled pixels of a class

train_dataloader = dict(dataset=dict(scene=dict(split=split)))
val_dataloader = dict(dataset=dict(scene=dict(split=split)))
test_dataloader = dict(dataset=dict(scene=dict(split=split)))
