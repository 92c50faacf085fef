"""The lines that training frameworks print are read without settings."""

import pytest

from toprung.metrics.line_format import LineFormat, LineParser


@pytest.mark.parametrize(
    ("lines", "metric", "reports"),
    [
        pytest.param(
            ["Epoch 1/2", "12/12 - loss: 0.4 - val_loss: 0.5", "Epoch 2/2", "12/12 - loss: 0.3 - val_loss: 0.4"],
            "val_loss",
            [(1, 0.5), (2, 0.4)],
            id="keras",
        ),
        pytest.param(
            ["Epoch 3: 100%|##| 4/4 [00:00<00:00, 9it/s, v_num=0, val_loss=0.5]"],
            "val_loss",
            [(3, 0.5)],
            id="lightning",
        ),
        pytest.param(
            ["Epoch 1/1 ━━ 4/4 0:00:00 train_loss: 0.588 ", "     val_loss: 0.636   "],
            "val_loss",
            [(1, 0.636)],
            id="lightning-stacked",
        ),
        pytest.param(["{'eval_loss': 0.5, 'epoch': 1.0}"], "eval_loss", [(1, 0.5)], id="python-dict"),
        pytest.param(["{'eval_loss': '0.51', 'epoch': '0.5'}"], "eval_loss", [(0.5, 0.51)], id="quoted-numbers"),
        pytest.param(["{'loss': np.float64(0.5), 'epoch': 2}"], "loss", [(2, 0.5)], id="numpy-in-a-dict"),
        pytest.param(["{'note': 'loss: 3', 'loss': 0.5}"], "loss", [(None, 0.5)], id="string-in-a-dict"),
        pytest.param(["[10]\tvalidation-auc:0.93"], "validation-auc", [(10, 0.93)], id="xgboost"),
        pytest.param(["[10]\tvalidation-auc:0.93"], "auc", [], id="xgboost-part-of-a-name"),
        pytest.param(["[0]\ttest-auc:0.93+0.01"], "test-auc", [(0, 0.93)], id="xgboost-cross-validation"),
        pytest.param(["[1]\tvalid's auc: 0.7 + 0.02"], "valid's auc", [(1, 0.7)], id="lightgbm-cross-validation"),
        pytest.param(["[1]\tvalid's auc: 0.7 + 0.02x"], "valid's auc", [(1, None)], id="no-deviation"),
        pytest.param(["[10]\tvalid_0's auc: 0.9"], "valid_0's auc", [(10, 0.9)], id="lightgbm"),
        pytest.param(["Test: [ 1/2]  Acc@1: 100.0 ( 35.03)"], "Acc@1", [(None, None)], id="timm-current-and-average"),
        pytest.param([" * Acc@1 35.03 Acc@5 60.2"], "Acc@1", [(None, 35.03)], id="pytorch-summary"),
        pytest.param(["Test:  Acc@1 35.03 Acc@5 60.2"], "Acc@5", [(None, 60.2)], id="torchvision-summary"),
        pytest.param([" * Acc@1 was 3", " * Acc@1 35% Acc@5 2", "* loss Acc@1"], "Acc@1", [], id="no-summary"),
        pytest.param(
            ["┃ Validate metric ┃ DataLoader 0 ┃", "│     val_loss      │  0.7290036082267761  │"],
            "val_loss",
            [(None, 0.7290036082267761)],
            id="lightning-validate",
        ),
        pytest.param(
            ["| rollout/    |       |", "|    ep_rew_mean     | -1.2e+03     |", "| time/ | |"],
            "ep_rew_mean",
            [(None, -1200)],
            id="stable-baselines3",
        ),
        pytest.param(["| loss | 0,5 |"], "loss", [(None, None)], id="row-with-a-decimal-comma"),
        pytest.param(
            ["| loss | 1 | 2 |", "| loss |", "| loss | acc |", "| acc | 3 |", "| loss |" + " " * 2000 + "1 |"],
            "loss",
            [],
            id="no-row-of-two-cells",
        ),
        pytest.param(
            ["***** eval metrics *****", "  eval_loss               =     1.9934"],
            "eval_loss",
            [(None, 1.9934)],
            id="hugging-face-log-metrics",
        ),
        pytest.param(
            ["Epoch 1, loss=0.5000:  33%|###| 1/3 [00:00<00:00, 10it/s]"], "loss", [(1, 0.5)], id="tqdm-description"
        ),
        pytest.param(["[rank0]:loss=0.5", "[1,0]<stdout>:loss: 0.4"], "loss", [(None, 0.5), (None, 0.4)], id="ranks"),
        pytest.param(["[default0]:epoch,loss", "[default0]:1,0.5"], "loss", [(1, 0.5)], id="table-of-a-rank"),
        pytest.param(["[1] epoch 3 loss: 0.5"], "loss", [(3, 0.5)], id="r-prints-an-index"),
        pytest.param(["12:30:05 loss: 0.5"], "loss", [(None, 0.5)], id="behind-a-time"),
        pytest.param(["loss: 0.5 - val_loss: 0.4"], "val_loss", [(None, 0.4)], id="name-within-a-name"),
        pytest.param(["val_loss: 0.4 - loss: 0.5"], "loss", [(None, 0.5)], id="name-behind-a-longer-one"),
        pytest.param(
            ["epoch  train_loss  valid_loss  time", "0      0.6  0.7  00:03", "1  0.5  0.6  1:00:03"],
            "valid_loss",
            [(0, 0.7), (1, 0.6)],
            id="fastai",
        ),
        pytest.param(["epoch,loss,val_loss", "1,0.5,0.6", "", "2,0.4,0.5"], "val_loss", [(1, 0.6), (2, 0.5)], id="csv"),
        pytest.param(["epoch;loss", "1;0,5"], "loss", [(1, None)], id="csv-with-decimal-commas"),
        pytest.param(["epoch\tloss", "1\t0.5"], "loss", [(1, 0.5)], id="tabs"),
        pytest.param(["the loss of us all", "1 of 2 was 3"], "loss", [], id="prose-is-no-table"),
        pytest.param(["epoch,loss", "1,0.5,7", "2"], "loss", [(None, None)], id="rows-of-another-width"),
        pytest.param(["Metrics: acc, loss", "GPU 0, 16384"], "loss", [], id="prose-with-a-colon"),
        pytest.param(["Tracking acc, loss", "Loaded 50000, -7", "3, -7"], "loss", [], id="prose-with-a-comma"),
        pytest.param(["acc, loss", "GPU 0, 16384"], "loss", [], id="prose-below-names"),
        pytest.param(["minimizing validation loss", "3 224 -9"], "loss", [], id="prose-with-blanks"),
        pytest.param(["epoch,loss", "1,0.5", "done", "16,-3"], "loss", [(1, 0.5), (1, None)], id="another-table"),
        pytest.param(
            ["acc,loss", "1,0.5", "done", "2,0.4"], "loss", [(None, 0.5), (None, None)], id="no-step-to-go-by"
        ),
        pytest.param(
            ["epoch,loss", "started", "0,0.5", "saved", "1,0.4", "saved", "2,0.3"],
            "loss",
            [(0, 0.5), (1, 0.4), (2, 0.3)],
            id="rows-with-lines-between-that-continue-the-steps",
        ),
        pytest.param(
            ["step,loss", "100,0.5", "saved", "200,0.4", "saved", "300,0.3", "saved", "301,0.2"],
            "loss",
            [(100, 0.5), (200, 0.4), (300, 0.3), (300, None)],
            id="rows-at-the-same-distance",
        ),
        pytest.param(
            ["acc  loss  epoch", "0.5  0.6  4", " 50%|##  | 1/2 [00:01<00:01,  1.00it/s]", "", "0.6  0.5  7"],
            "loss",
            [(4, 0.6), (7, 0.5)],
            id="rows-with-bars-between",
        ),
        pytest.param(
            ["Epoch,Phase,train loss,loss", "1,val,0.1,0.5"], "loss", [(1, 0.5)], id="words-in-columns-beside-a-step"
        ),
        pytest.param(["epoch,loss,loss", "1,0.5,0.6"], "loss", [(1, None)], id="a-column-twice"),
    ],
)
def test_formats_of_frameworks_are_read(lines, metric, reports):
    """They need no settings."""
    parser = LineParser(LineFormat((metric,)))
    found = [report for line in lines if (report := parser.parse(line)) is not None]
    assert [(next(iter(each.steps.values()), None), each.values.get(metric)) for each in found] == reports
