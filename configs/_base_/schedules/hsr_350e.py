# Super-resolution with a pre-trained encoder. The official code counts epochs from 1 and halves the rate at multiples
# of 150, so that the 150th and the 300th epoch are the first with a lower one.
optim_wrapper = dict(optimizer=dict(type='Adam', lr=6e-5), constructor='GroupedOptimWrapperConstructor')
param_scheduler = [dict(type='MultiStepLR', milestones=[149, 299], gamma=0.5, by_epoch=True)]

train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=350, val_interval=1)
val_cfg = dict()
test_cfg = dict()
auto_scale_lr = dict(base_batch_size=1)
