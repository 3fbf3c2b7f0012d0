package vsftpd

import "github.com/lvsmark/lvsmark/internal/render"

// Target renders the Fragment of each FTP cluster.
func Target() render.Target {
	return render.Target{
		Name:    "vsftpd",
		Summary: "what vsftpd.conf of the real servers has to say",
		Long: `Render vsftpd prints the settings of vsftpd.conf that have to agree with the
director: the ports of data connections, and the address that PASV names. Every
real server of a cluster has the same. They can be appended to a vsftpd.conf that
is in use.`,
		Example:      `  lvsmark render vsftpd --cluster ftp >> vsftpd.conf`,
		TakesCluster: true,
		Render:       render.PerFTPCluster(Fragment),
	}
}
