"""A trained model behind HTTP: a JSON API, and a page to try it.

    uvicorn ─► Guard ─► routes ─► Completions ─► one thread ─► Generator.stream
               host,    app.py    places,        a slice of each completion
               size               deadlines      in turn

    api.py          what is taken and given         page.html   the page, all of it
    guard.py        which requests are looked at    serving.py  address, signals
    prompt_text.py  what is being typed             command.py  tct serve

Whatever a client sees of a workflow is a whole one: what is written so far, closed the
shortest way.  So a completion can end at any moment, when its time is up or the server
stops, with a document that is correct against the schema.
"""
