"""Print the table of a fastai Learner, by the library that fastai prints it with."""

from fastprogress.fastprogress import master_bar, progress_bar

bar = master_bar(range(3))
bar.write(["epoch", "train_loss", "valid_loss", "accuracy", "time"], table=True)
for epoch in bar:
    for _ in progress_bar(range(20), parent=bar):
        pass
    row = [epoch, f"{0.6 / (epoch + 1):.6f}", f"{0.7 / (epoch + 1):.6f}", f"{0.5 + epoch / 10:.6f}", "00:01"]
    bar.write([str(cell) for cell in row], table=True)
