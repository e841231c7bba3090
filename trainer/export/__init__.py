"""Export a model for others, and load it back.

    export.py         a run to a folder         load.py         a folder to a model
    transformers.py   Hugging Face's names      model_card.py   README.md of the folder

Loading an export executes nothing from it.
"""
