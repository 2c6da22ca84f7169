"""A script that records a run which no pipeline makes."""

import sys

from weft import log_metric, start_run

if __name__ == "__main__":
    with start_run("looking-around", parameters={"lr": float(sys.argv[1])}) as run:
        print("looked")
        log_metric("loss", 0.25)
        run.log_artifact("rows", [1, 2, 3])
    print("RUN", run.name)
