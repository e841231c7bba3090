"""Texts to JSON values, and back.

    parse.py           a YAML or JSON text to a value, or a named reject
    yaml_reader.py     YAML 1.2; with yaml_cursor, yaml_flow, yaml_lines, yaml_scalars
    yaml_writer.py     a value to YAML that readers of 1.1 and 1.2 agree on
    yaml_stream.py     the same while the value still grows
    json_text.py       canonical JSON
    rejects.py         why a text is no document

What a text means does not depend on where it lies.
"""
