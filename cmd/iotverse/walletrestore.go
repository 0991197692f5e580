package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/iotverse/iotverse/byteball/wallet"
)

// maxWords bounds a file of words, in bytes.
const maxWords = 4096

func walletRestoreCommand() *cobra.Command {
	var f walletFlags
	var file string
	cmd := &cobra.Command{
		Use:   "restore",
		Short: "make a wallet again from its words",
		Long: `restore makes the key file in --dir from the 12 to 24 words that wallet new --show-words
has shown, and searches the ledger for all addresses of these words that are in use: 20
unused ones in a row end the search. The node's identity is a new one. Delete the file
of words afterwards.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if file == "" {
				return usagef("name the file of words with --mnemonic-file, - for standard input")
			}
			words, err := readWords(file, cmd.InOrStdin())
			if err != nil {
				return err
			}
			m, err := f.create(words, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			v := balanceView{Addresses: 1}
			if v.Address, err = firstAddress(m); err != nil {
				return err
			}
			if err := f.found(cmd, &v); err != nil {
				fmt.Fprintf(cmd.ErrOrStderr(), "iotverse: the keys are restored, the ledger was not searched (%v); iotverse wallet balance --dir %s does it\n", err, f.dir)
				return f.show(cmd.OutOrStdout(), addressView{Address: v.Address}, "%s\n", v.Address)
			}
			if f.json {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(v)
			}
			return v.print(cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVar(&file, "mnemonic-file", "", "file that holds the words; - is standard input")
	return f.add(cmd)
}

// found searches the ledger for the money of keys that were just made.
func (f *walletFlags) found(cmd *cobra.Command, v *balanceView) error {
	r, err := f.open(cmd.Context())
	if err != nil {
		return err
	}
	defer r.Close()
	*v, err = r.total(cmd)
	return err
}

// readWords reads and checks words before anything is made.
func readWords(file string, stdin io.Reader) (string, error) {
	in := stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return "", fmt.Errorf("file of words: %w", err)
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, maxWords+1))
	if err != nil {
		return "", fmt.Errorf("file of words: %w", err)
	}
	if len(data) > maxWords {
		return "", fmt.Errorf("file of words: %s has more than %d bytes: it holds something else", file, maxWords)
	}
	_, err = wallet.Entropy(string(data))
	return string(data), err
}
