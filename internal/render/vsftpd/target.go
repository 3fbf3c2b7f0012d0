package vsftpd

import "github.com/lvsmark/lvsmark/internal/render"

// Target renders the Fragment of each FTP cluster.
func Target() render.Target {
	return render.Target{
		Name:    "vsftpd",
		Summary: "settings of vsftpd.conf on the real servers",
		Long: `Render vsftpd prints the settings of vsftpd.conf that must agree with the
director: the ports of data connections and the address in PASV responses. They
are the same on every real server of a cluster, if all have the same address
family; --server prints them for one. Append them to an existing vsftpd.conf.`,
		Example:      `  lvsmark render vsftpd --cluster ftp >> vsftpd.conf`,
		TakesCluster: true,
		Render:       render.PerFTPCluster("vsftpd.conf", Fragment),
	}
}
