"""Learn three iterations with PPO of Stable-Baselines3, which prints a table after each."""

from stable_baselines3 import PPO

PPO("MlpPolicy", "CartPole-v1", n_steps=64, batch_size=64, n_epochs=1, seed=7, verbose=1, device="cpu").learn(192)
