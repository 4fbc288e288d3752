_base_ = '../recommended/anomaly_detection.py'

scene = dict(
    name='indian-pines-implanted',
    data_root='{{$MMHSI_DATA:data}}/indian_pines_implanted',
    image=dict(path='scene.mat', key='data'),
    labels=dict(path='scene.mat', key='map'),
    label_codes=dict(background=1, anomaly=2),  # 0: the towers themselves, not evaluated
)
