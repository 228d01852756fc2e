"""Graph files: found, read, with every error said, and told in short. Nothing here runs anything.

General layout, lowest first:

    diagnostics            what is wrong, and where, in words that teach
    source                 a graph file as text with positions
    plugins, locate        which node types and graphs are installed; where a file is
    arguments, parameters, what the command line puts in; what a node class takes;
    machines               which other machines there are
    spec                   what a graph is once it is right
    values, presence       the single values of a file; when nodes are there
    reading                what every section is read with
    nodes, channels,       the sections, a module each
    grouping, faults
    loading                from the file to what is right
    summary                the same in a few lines
"""
