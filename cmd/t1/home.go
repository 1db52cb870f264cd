package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Names under T1_HOME.
func (s settings) lockPath() string     { return filepath.Join(s.Home, "lock") }
func (s settings) upPath() string       { return filepath.Join(s.Home, "up.json") }
func (s settings) databasePath() string { return filepath.Join(s.Home, "temporal.db") }
func (s settings) cacheDir() string     { return filepath.Join(s.Home, "cache") }
func (s settings) logPath(name string) string {
	return filepath.Join(s.Home, "logs", name+".log")
}

// upState is T1_HOME/up.json: what a living `t1 up` started, for other commands.
type upState struct {
	PID         int    `json:"pid"`
	Address     string `json:"address"`      // of Temporal, host:port
	UI          string `json:"ui"`           // address of the web UI; empty where the server is not ours
	ServerPID   int    `json:"server_pid"`   // 0 where the server is not ours
	WorkerPID   int    `json:"worker_pid"`   //
	Store       string `json:"store"`        //
	StartedAt   string `json:"started_at"`   // RFC 3339
	ServerStart int    `json:"server_start"` // times the server was started
	WorkerStart int    `json:"worker_start"` // times the worker was started
}

// makeHome makes T1_HOME; only its owner may look in, since runs and sockets are there.
func (s settings) makeHome() error {
	for _, dir := range []string{s.Home, filepath.Join(s.Home, "logs"), s.cacheDir()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	return nil
}

// readUp reads what a `t1 up` wrote; zero where none did.
func (s settings) readUp() (upState, error) {
	var state upState
	data, err := os.ReadFile(s.upPath())
	if errors.Is(err, fs.ErrNotExist) {
		return state, nil
	}
	if err != nil {
		return state, err
	}
	return state, json.Unmarshal(data, &state)
}

// writeUp replaces up.json in one go, so that a reader sees the old or the new.
func (s settings) writeUp(state upState) error {
	data, err := json.MarshalIndent(state, "", "  ")
	if err != nil {
		return err
	}
	next := s.upPath() + ".new"
	if err := os.WriteFile(next, append(data, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(next, s.upPath())
}

// openLog opens a log to append to. A log past 16 MiB is put aside first: one
// old one is kept.
func (s settings) openLog(name string) (*os.File, error) {
	const most = 16 << 20
	path := s.logPath(name)
	if info, err := os.Stat(path); err == nil && info.Size() > most {
		if err := os.Rename(path, path+".1"); err != nil {
			return nil, err
		}
	}
	return os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
}
