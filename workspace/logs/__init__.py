"""Where the lines of logs are kept, and how they get there and out again while they are written.

`backend` is the port; `files` implements it over `directory` (the segments of one log) and
`segments` (one file of frames). `live` holds what is under way of each log: its writer, its
followers, and the lines that are not durable yet. `keeper` joins it with the database.
"""
