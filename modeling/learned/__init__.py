"""What was learned from coaches and athletes, as plans use it: plain arithmetic on a JSON document, no learner needed.

Training (`modeling.training`) writes the document; nothing here imports scikit-learn, reads a file or asks a database.
"""
