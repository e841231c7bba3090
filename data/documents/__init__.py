"""Turn texts into JSON values, and back.

    parse.py            a YAML or JSON text to a value, or a named reject
      yaml_reader.py      YAML 1.2: block collections
        yaml_lines.py       lines, keys, block scalars
        yaml_flow.py        flow collections
        yaml_cursor.py      scalars, anchors, tags, bounds
        yaml_scalars.py     patterns and values of scalars
      rejects.py          why a text is not a document
    yaml_writer.py      a value to YAML that readers of 1.1 and 1.2 agree on
    yaml_stream.py      the same while the value is still growing
    json_text.py        canonical JSON

The meaning of a text does not depend on where the text comes from.
"""
