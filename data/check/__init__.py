"""What GitHub refuses in a workflow, found at a line and column.

```
text → parse_document → nodes of PyYAML, which know their places → Finding
```
"""

from .check import Finding, check_workflow

__all__ = ["Finding", "check_workflow"]
