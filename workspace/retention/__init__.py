"""Old runs: archived as lines of JSON, one object each, and read from there.

`archives` turns a run into bytes and back, `job` decides nothing: it writes, reads back, and only
then lets `operations.retention` delete.
"""
