"""Reading audio of every kind, and noise."""

import shutil
import socket
import subprocess

import numpy as np
import pytest

from bert_qa_tf.errors import InputError
from bert_qa_tf.speech.recordings import audio

soundfile = pytest.importorskip("soundfile", reason="needs requirements/speech.txt")


def tone(rate_hz, secs=1.0, hz=440, volume=0.5):
    return volume * np.sin(2 * np.pi * hz * np.arange(int(secs * rate_hz)) / rate_hz)


def loudest_hz(samples):
    return np.argmax(np.abs(np.fft.rfft(samples))) * audio.SAMPLE_RATE_HZ / len(samples)


@pytest.mark.parametrize(
    ("ending", "rate_hz", "channels", "subtype"),
    [
        ("wav", 16000, 1, "PCM_16"),
        ("wav", 8000, 2, "PCM_16"),
        ("wav", 44100, 2, "FLOAT"),
        ("wav", 8000, 1, "ULAW"),
        ("flac", 48000, 1, "PCM_24"),
        ("ogg", 22050, 1, "VORBIS"),
        ("mp3", 44100, 2, "MPEG_LAYER_III"),
    ],
)
def test_any_format_rate_and_channels_become_the_same_samples(tmp_path, ending, rate_hz, channels, subtype):
    path = tmp_path / f"tone.{ending}"
    soundfile.write(path, np.stack([tone(rate_hz)] * channels, axis=1), rate_hz, subtype=subtype)

    samples = audio.read_whole(path)

    assert samples.dtype == np.int16
    assert abs(len(samples) - audio.SAMPLE_RATE_HZ) < 0.1 * audio.SAMPLE_RATE_HZ  # coders pad
    assert loudest_hz(samples) == pytest.approx(440, abs=2)
    assert np.abs(samples).max() == pytest.approx(16384, rel=0.15)


def test_sixteen_bit_samples_are_read_unchanged(tmp_path):
    samples = np.array([0, 1, -1, 32767, -32768, 12345], np.int16)
    soundfile.write(tmp_path / "a.wav", samples, 16000)
    np.testing.assert_array_equal(audio.read_whole(tmp_path / "a.wav"), samples)


def test_channels_are_averaged(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.array([[1000, 3000], [-7, 7]], np.int16), 16000)
    np.testing.assert_array_equal(audio.read_whole(tmp_path / "a.wav"), [2000, 0])


def test_long_recordings_come_in_blocks(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(8000 * 25, np.int16), 8000)
    with audio.open_audio(tmp_path / "a.wav") as stream:
        assert stream.rate_hz == 8000
        assert stream.duration_secs == 25
        assert [len(block) for block in stream.blocks] == [80000, 80000, 40000]


def test_a_recording_is_read_forwards_alone(tmp_path, monkeypatch):
    # MP3's decoder, wound to where it is already, complains on standard error and may begin with a false frame.
    samples = (8000 * np.sin(np.arange(25 * 16_000) / 20)).astype(np.int16)
    soundfile.write(tmp_path / "tone.mp3", samples, 16_000)
    whole = audio.read_whole(tmp_path / "tone.mp3")

    def seek(*_):
        raise AssertionError("wound")

    monkeypatch.setattr(soundfile.SoundFile, "seek", seek)
    with audio.open_audio(tmp_path / "tone.mp3") as stream:
        blocks = list(stream.blocks)
    assert len(blocks) == 3
    assert (np.concatenate(blocks) == whole).all()
    assert abs(len(whole) - len(samples)) < 16_000


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg (apt install ffmpeg)")
def test_other_formats_are_read_with_ffmpeg(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(44100), 44100)
    subprocess.run(["ffmpeg", "-v", "error", "-i", tmp_path / "a.wav", "-c:a", "aac", tmp_path / "a.m4a"], check=True)
    assert loudest_hz(audio.read_whole(tmp_path / "a.m4a")) == pytest.approx(440, abs=2)


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg (apt install ffmpeg)")
def test_a_file_that_is_no_audio_is_one_clear_line(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"this is no sound" * 100)
    with pytest.raises(InputError, match=r"a\.wav: cannot read this as audio \(ffmpeg: Invalid data found"):
        audio.read_whole(tmp_path / "a.wav")


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg (apt install ffmpeg)")
def test_a_playlist_fetches_nothing_from_a_network(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/a.ts"
        (tmp_path / "a.m3u8").write_text(f"#EXTM3U\n#EXTINF:9,\n{address}\n#EXT-X-ENDLIST\n", encoding="utf-8")
        with pytest.raises(InputError, match=r"a\.m3u8: cannot read this as audio \(ffmpeg: "):
            audio.read_whole(tmp_path / "a.m3u8")
        listener.settimeout(0)
        with pytest.raises(BlockingIOError):
            listener.accept()


def test_without_ffmpeg_the_line_says_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "a.m4a").write_bytes(b"this is no sound" * 100)
    with pytest.raises(InputError, match=r"a\.m4a: cannot read this as audio.*apt install ffmpeg"):
        audio.read_whole(tmp_path / "a.m4a")


def test_a_missing_file_and_a_folder_are_no_files(tmp_path):
    for path in (tmp_path / "missing.wav", tmp_path):
        with pytest.raises(InputError, match="no such file"):
            audio.read_whole(path)


def test_a_recording_that_was_cut_off_gives_what_is_there(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(16000), 16000)
    (tmp_path / "cut.wav").write_bytes((tmp_path / "a.wav").read_bytes()[:16044])
    assert len(audio.read_whole(tmp_path / "cut.wav")) == 8000
    with pytest.raises(InputError, match=r"cut\.wav: cut off, 0\.500 s of what it states are missing"):
        audio.read_whole(tmp_path / "cut.wav", complete=True)
    assert len(audio.read_whole(tmp_path / "a.wav", complete=True)) == 16000


def test_noise_follows_from_its_key_and_has_its_volume():
    silence = np.zeros(16000, np.int16)
    noise = audio.add_white_noise(silence, 0.01, "a")
    np.testing.assert_array_equal(noise, audio.add_white_noise(silence, 0.01, "a"))
    assert not np.array_equal(noise, audio.add_white_noise(silence, 0.01, "b"))
    assert np.abs(noise).max() == 328
    # Uniform: its effective value is its peak through the root of three.
    assert noise.astype(float).std() == pytest.approx(327.67 / 3**0.5, rel=0.02)


def test_no_noise_changes_nothing_and_much_of_it_is_clipped():
    loud = np.full(1000, 32000, np.int16)
    assert audio.add_white_noise(loud, 0.0, "a") is loud
    assert audio.add_white_noise(loud, 0.5, "a").max() == 32767
