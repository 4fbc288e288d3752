"""Packaging: metadata, requirements and the files that MIM expects in an installed toolbox."""

import os
import runpy
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
MIM_FILES = ('configs', 'demo', 'tools', 'model-index.yml')


def read_requirements(name: str) -> list[str]:
    lines = (ROOT / 'requirements' / f'{name}.txt').read_text(encoding='utf-8').splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith('#')]


class BuildWithMimFiles(build_py):
    """Bring configs, demo, tools and the model index into ``mmhsi/.mim``, where MIM and MMEngine look for them.

    A wheel gets copies, an editable installation links to the files.
    """

    def run(self):
        super().run()
        target = ROOT / 'mmhsi/.mim' if self.editable_mode else Path(self.build_lib, 'mmhsi', '.mim')
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        for name in MIM_FILES:
            if self.editable_mode and os.name == 'posix':
                (target / name).symlink_to(ROOT / name)
            elif (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns('__pycache__', '*.pyc'))
            else:
                shutil.copy2(ROOT / name, target / name)


extras = {name: read_requirements(name) for name in ('restoration-zoo', 'export', 'tests', 'docs')}

setup(
    name='mmhsi',
    version=runpy.run_path(str(ROOT / 'mmhsi' / 'version.py'))['__version__'],
    description='OpenMMLab-style toolbox for hyperspectral images, built on the HyperSIGMA foundation model',
    long_description=(ROOT / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    author='MMHSI Contributors',
    license='Apache-2.0',
    license_files=['LICENSE'],
    keywords='hyperspectral imaging, remote sensing, foundation model, OpenMMLab',
    classifiers=[
        'Development Status :: 4 - Beta',
        'Intended Audience :: Science/Research',
        'Operating System :: OS Independent',
        'Programming Language :: Python :: 3',
        'Programming Language :: Python :: 3.11',
        'Programming Language :: Python :: 3.12',
        'Programming Language :: Python :: 3.13',
        'Topic :: Scientific/Engineering :: Image Processing',
    ],
    python_requires='>=3.11',
    packages=find_packages(include=('mmhsi', 'mmhsi.*')),
    include_package_data=True,
    install_requires=read_requirements('runtime'),
    extras_require={**extras, 'all': sorted(set().union(*extras.values()))},
    entry_points={'console_scripts': ['mmhsi = mmhsi.cli:main']},
    cmdclass={'build_py': BuildWithMimFiles},
    zip_safe=False,
)
