"""The command line, made with the public classes of the library.

    command                 one command: its name, arguments and function; each is a module that has COMMAND:
    download seed stream    exchange data with peers
    create edit info magnet .torrent files and magnet links
    verify                  hashes files
    tracker demo            a tracker to run, and the demonstration
    parser                  the table of commands, and the parser
    arguments option_groups the types of arguments, and the options that several commands have
    session_options data_check description selection   what several commands do
    exchange transfer       the torrents of a command that exchanges data, and one of them
    completion              completion in a shell
    console standard_streams                            output
    outcome                 exit codes, and one line for an error

A new command is a module with COMMAND and a line of the table in ``parser``.  It takes the parsed options and the
console, and returns its exit code.  It raises the exceptions of the library; ``cli.main`` makes one line and an exit
code of them.
"""
