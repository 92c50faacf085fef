"""Train two epochs with the Trainer of Transformers, evaluating each."""

import torch
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments, set_seed

set_seed(7)
rows = [{"input_ids": [i % 16] * 8, "attention_mask": [1] * 8, "labels": i % 2} for i in range(32)]
config = BertConfig(
    vocab_size=16, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, num_labels=2
)
arguments = TrainingArguments(
    output_dir="out",
    num_train_epochs=2,
    per_device_train_batch_size=8,
    eval_strategy="steps",
    eval_steps=2,
    logging_steps=2,
    save_strategy="no",
    report_to=[],
    use_cpu=True,
)
torch.set_num_threads(1)
Trainer(BertForSequenceClassification(config), arguments, train_dataset=rows, eval_dataset=rows).train()
