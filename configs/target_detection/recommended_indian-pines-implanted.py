_base_ = '../recommended/target_detection.py'

scene = dict(
    name='indian-pines-implanted',
    data_root='{{$MMHSI_DATA:data}}/indian_pines_implanted',
    image=dict(path='scene.mat', key='data'),
    labels=dict(path='scene.mat', key='map'),
    label_codes=dict(background=1, target=2),  # 0: the towers themselves, not evaluated
    target_spectrum=dict(path='scene.mat', key='target'),  # the implanted spectrum, not taken from the ground truth
)
