"""Serve a trained model over HTTP: a JSON API, and a page to try it.

    Connection ─► Guard ─► routes ─► Completions ─► one thread ─► Generator.stream
    limits,       host,    app.py    concurrency,   a slice of each completion
    timeouts      size               deadlines      in turn

    api.py          requests and responses      page.html        the page
    guard.py        host, size, time            prompt_text.py   text while it is typed
    connections.py  limits and timeouts         serving.py       address, signals

Clients only ever see whole documents: the text so far, closed the shortest way.  So a
completion can end at any moment, at its deadline or when the server stops, with a
document that conforms to the schema.
"""
