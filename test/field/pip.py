"""pip without its installation, which takes longer than all that it installs: from the wheel that Python brings."""

import ensurepip
import runpy
import sys
import sysconfig
from pathlib import Path

FOLDERS = [sysconfig.get_config_var("WHEEL_PKG_DIR"), Path(ensurepip.__file__).parent / "_bundled"]
wheels = [wheel for folder in FOLDERS if folder for wheel in Path(folder).glob("pip-*.whl")]
sys.path.insert(0, str(wheels[0]))
runpy.run_module("pip", run_name="__main__", alter_sys=True)
