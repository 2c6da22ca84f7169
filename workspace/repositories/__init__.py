"""Code under version control, asked for commits and archives of them.

`desk` is the door; `git`, `github` and `gitlab` speak with hosts, `packing` makes of what they
answer the archives that runners take. Nothing of a repository is executed here.
"""
