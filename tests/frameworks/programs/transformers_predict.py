"""Predict with the Trainer of Transformers, and log the metrics."""

import torch
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments, set_seed

set_seed(7)
rows = [{"input_ids": [i % 16] * 8, "attention_mask": [1] * 8, "labels": i % 2} for i in range(32)]
config = BertConfig(
    vocab_size=16, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, num_labels=2
)
arguments = TrainingArguments(output_dir="out", report_to=[], use_cpu=True, disable_tqdm=True)
torch.set_num_threads(1)
trainer = Trainer(BertForSequenceClassification(config), arguments)
trainer.log_metrics("test", trainer.predict(rows).metrics)
