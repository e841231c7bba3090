"""A trained model behind HTTP: a JSON API, and a page to try it.

    Connection ─► Guard ─► routes ─► Completions ─► one thread ─► Generator.stream
    number,       host,    app.py    places,        a slice of each completion
    silence       size               deadlines      in turn

    api.py          what is taken and given         page.html   the page, all of it
    guard.py        which requests are looked at    serving.py  address, signals
    connections.py  which connections are kept      command.py  tct serve
    prompt_text.py  what is being typed

Whatever a client sees of a workflow is a whole one: what is written so far, closed the
shortest way.  So a completion can end at any moment, when its time is up or the server
stops, with a document that is correct against the schema.
"""
