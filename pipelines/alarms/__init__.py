"""Messages about what needs a person, on their way out: to a command, a webhook, a mailbox.

``message.py`` says what a message is, one file each what a sink does with it; ``sinks.py`` sends
to several at once within one deadline, ``post.py`` sends what the corpus still owes.
"""
