_base_ = 'houston_sr.py'

scale = 8
train_dataloader = dict(dataset=dict(dataset=dict(path='{{$MMHSI_DATA:data}}/houston_x8/trains', scale=scale)))
val_dataloader = dict(dataset=dict(path='{{$MMHSI_DATA:data}}/houston_x8/evals', scale=scale))
test_dataloader = dict(dataset=dict(path='{{$MMHSI_DATA:data}}/houston_x8/houston_test.mat', scale=scale))

val_evaluator = dict(scale=scale)
test_evaluator = dict(scale=scale)
